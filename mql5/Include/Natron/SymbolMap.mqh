// The bridge's name of a chart's symbol. Rules, separated by commas: NAME=OTHER for one symbol, *SUFFIX= for a suffix to
// leave out, or just OTHER. An exact rule counts before suffixes; two that fit and differ are refused.
class CSymbolMap
  {
private:
   string            m_fault;
   string            m_found;

   void              Take(const string name,const string rule)
     {
      if(m_found!="" && m_found!=name)
         m_fault="two rules fit: "+m_found+" and "+name+" ("+rule+")";
      m_found=name;
     }
   //--- what a rule makes of a symbol; empty where it does not fit
   static string     Apply(const string symbol,const string left,const string right,const bool exact)
     {
      bool suffix=StringLen(left)>1 && StringGetCharacter(left,0)=='*';
      if(exact)
         return(left==symbol ? right : "");
      int rest=StringLen(symbol)-StringLen(left)+1;
      if(!suffix || rest<1 || StringSubstr(symbol,rest)!=StringSubstr(left,1))
         return("");
      return(StringSubstr(symbol,0,rest)+right);
     }

public:
   string            Fault(void) const { return(m_fault); }
   //--- the name; empty and a fault where the rules contradict each other
   string            Find(const string symbol,const string rules)
     {
      string parts[];
      m_fault="";
      m_found="";
      if(rules=="" || StringFind(rules,"=")<0)
         return(rules=="" ? symbol : rules);
      int count=StringSplit(rules,',',parts);
      for(int turn=0; turn<2 && m_found==""; turn++)
         for(int at=0; at<count; at++)
           {
            int mark=StringFind(parts[at],"=");
            if(mark<1)
              {
               m_fault="not NAME=OTHER or *SUFFIX=: "+parts[at];
               return("");
              }
            string name=Apply(symbol,StringSubstr(parts[at],0,mark),StringSubstr(parts[at],mark+1),turn==0);
            if(name!="")
               Take(name,parts[at]);
           }
      if(m_fault!="")
         return("");
      return(m_found=="" ? symbol : m_found);
     }
  };
