// A line's fields, one after another. The first that is wrong is remembered by its name; the rest are not read.
class CFields
  {
private:
   string            m_parts[];
   int               m_count;
   int               m_at;
   string            m_fault;

   static bool       Spelt(const string text,long &value)
     {
      int length=StringLen(text);
      int from=length>0 && StringGetCharacter(text,0)=='-' ? 1 : 0;
      int digits=length-from;
      if(digits<1 || digits>19)
         return(false);
      for(int at=from; at<length; at++)
         if(StringGetCharacter(text,at)<'0' || StringGetCharacter(text,at)>'9')
            return(false);
      if(StringGetCharacter(text,from)=='0' && length>1)
         return(false);
      if(digits==19 && StringCompare(StringSubstr(text,from),"9223372036854775807")>0)
         return(false);
      value=StringToInteger(text);
      return(true);
     }

public:
                     CFields(void) { m_count=0; m_at=0; }
   void              Open(const string text)
     {
      m_count=StringSplit(text,'|',m_parts);
      m_at=0;
      m_fault="";
     }
   string            Fault(void) const { return(m_fault); }
   void              Complain(const string name)
     {
      if(m_fault=="")
         m_fault=name;
     }
   string            Text(const string name)
     {
      if(m_fault!="" || m_at>=m_count)
        {
         Complain(name);
         return("");
        }
      m_at++;
      return(m_parts[m_at-1]);
     }
   long              Number(const string name,const long low,const long high)
     {
      long value=0;
      string text=Text(name);
      if(m_fault!="")
         return(0);
      if(!Spelt(text,value) || value<low || value>high)
        {
         Complain(name);
         return(0);
        }
      return(value);
     }
   bool              More(void) const { return(m_fault=="" && m_at<m_count); }
   //--- so many lower-case hex digits
   string            Hex(const string name,const int digits,const bool zero_allowed)
     {
      string text=Text(name);
      if(zero_allowed && text=="0")
         return(text);
      bool good=StringLen(text)==digits;
      for(int at=0; good && at<digits; at++)
        {
         int letter=(int)StringGetCharacter(text,at);
         good=(letter>='0' && letter<='9') || (letter>='a' && letter<='f');
        }
      if(!good)
         Complain(name);
      return(text);
     }
   //--- whether the next fields are all there and empty; if so they are taken
   bool              Absent(const int count)
     {
      for(int at=m_at; at<m_at+count && at<m_count; at++)
         if(m_parts[at]!="")
            return(false);
      if(m_at+count>m_count)
         return(false);
      m_at+=count;
      return(true);
     }
  };
