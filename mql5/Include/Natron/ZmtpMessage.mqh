// A message as it came: one to four frames.
#include "ByteBuffer.mqh"

#define ZMTP_PARTS_MAX 4

class CZmtpMessage
  {
private:
   CByteBuffer       m_bytes;
   int               m_start[ZMTP_PARTS_MAX];
   int               m_length[ZMTP_PARTS_MAX];
   int               m_parts;

public:
                     CZmtpMessage(void) { m_parts=0; }
   int               Parts(void) const { return(m_parts); }
   int               Length(const int part) const { return(m_length[part]); }
   void              Clear(void)
     {
      m_bytes.Clear();
      m_parts=0;
     }
   void              Add(const CByteBuffer &from,const int start,const int count)
     {
      m_start[m_parts]=m_bytes.Size();
      m_length[m_parts]=count;
      m_bytes.AddFrom(from,start,count);
      m_parts++;
     }
   void              Copy(const int part,uchar &to[]) const { m_bytes.Copy(to,m_start[part],m_length[part]); }
   bool              Is(const int part,const string text) const
     {
      if(m_length[part]!=StringLen(text))
         return(false);
      for(int at=0; at<m_length[part]; at++)
         if((int)m_bytes.At(m_start[part]+at)!=(int)StringGetCharacter(text,at))
            return(false);
      return(true);
     }
  };
